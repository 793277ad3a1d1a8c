"""Scripts that the scene's applications run, and that floors run without Hydra."""

# The first line tells when it ran, to whoever has bound the port that the version is named after.
FIRST_LINE = """\
echo "$HYDRA_VERSION $EPOCHREALTIME" > "/dev/udp/127.0.0.1/${HYDRA_VERSION##*-}"
"""
NOTHING = "true\n"
