"""What the network lets through, computed exactly from what a source says of it: pure, and for every provider its own files."""
