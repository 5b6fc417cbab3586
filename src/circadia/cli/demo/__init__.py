"""`circadia demo`: a whole Circadia with simulated members, in one process and one directory."""
