"""IAM: who may administer, deploy, call and read."""
