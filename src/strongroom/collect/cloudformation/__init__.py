"""CloudFormation templates: read with their lines, resolved without AWS, and put into the form that tables read."""
