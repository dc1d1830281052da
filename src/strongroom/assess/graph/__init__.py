"""The estate as a graph, and the shortest ways through it."""
