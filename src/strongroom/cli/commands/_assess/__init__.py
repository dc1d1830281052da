"""Questions to what the sources show: `strongroom assess QUESTION SOURCE ...`. A file is a question."""
