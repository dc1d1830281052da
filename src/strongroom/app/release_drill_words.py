"""What an entry of a drill is called, for who writes it and for who reads it."""

SUBJECT = "fails-closed"
