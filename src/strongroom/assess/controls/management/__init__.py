"""MGT: the plane from which everything else can be taken over."""
