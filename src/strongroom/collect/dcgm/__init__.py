"""What NVIDIA's exporter of GPU metrics (dcgm-exporter) tells of a fleet: a scrape as it was recorded."""
