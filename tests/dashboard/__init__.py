"""The dashboard in a browser, against a demo of its own."""
