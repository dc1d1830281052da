"""Pure tools: no clock, no network, no processes. A part of a room is loaded here, nothing is decided here."""
