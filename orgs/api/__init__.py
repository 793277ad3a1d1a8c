"""What the API tells of organizations: native routes, and the key check of HookDeploy's face."""
