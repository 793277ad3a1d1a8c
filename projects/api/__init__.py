"""Native routes of applications, their config files and steps.

Projects and their rules show what was deployed, so their routes stand in `deployments.api`.
"""
