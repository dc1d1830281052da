"""Headers of model artifacts, read with bounds: nothing is evaluated, nothing is unpickled, no payload is read."""
