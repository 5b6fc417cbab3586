"""`script/bench`: figures, printed and never asserted; ratios come from one interleaved run."""
