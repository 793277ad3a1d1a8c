"""Native routes of applications, their config files and steps, and of projects' rules.

Projects themselves show what runs in them, so their routes stand in `deployments.api`.
"""
