"""GPU: accelerators that tenants share one after another and must never share by accident."""
