"""What a browser is served besides JSON."""
