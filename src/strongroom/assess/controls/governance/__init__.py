"""GOV: answers to auditors, trust between services, and the plan."""
