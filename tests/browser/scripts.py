"""What the scene's applications do when they are deployed."""

PULL = """\
echo "Pulling $HYDRA_APPLICATION:$HYDRA_VERSION"
sleep 0.1
echo "Digest sha256:4be91f2c0d77c02ab7d1f90e3a is up to date"
"""
SWITCH = """\
echo "Switching over"
echo "Health: GET http://127.0.0.1:8080/health 200 in 41 ms"
"""
MIGRATE = """\
echo "Connecting to orders as hydra_migrate"
echo "1 migration to apply"
if [ "$HYDRA_VERSION $HYDRA_ENVIRONMENT" = "v2.4.0 production" ]; then
  printf '\\033[31mERROR: canceling statement due to lock timeout\\033[0m\\n'
  printf '\\033[31m  ALTER TABLE orders ADD COLUMN gift_note text\\033[0m\\n'
  printf '\\033[33mBlocked by pid 41872: SELECT … FOR UPDATE (user reporting)\\033[0m\\n'
  echo "Rolled back 0117_gift_note"
  exit 3
fi
printf '\\033[32mApplied 0117_gift_note\\033[0m\\n'
"""
WAIT = """\
for n in $(seq 1 3000); do
  echo "Waiting for the ledger to let go of its lock, attempt $n"
  sleep 1
done
"""
# What a terminal would obey, a browser would run or a decoder would choke on.
ATTACK = r"""
echo '<script>window.owned = true; document.title = "owned"</script>'
echo '<img src=x onerror="window.owned = true">&lt;b&gt;'
printf '\033]0;owned\007\033[2J\033[1;1Hcleared '
printf '\033[1;31mred\033[0m \033[38;5;196mbright\033[0m plain\n'
printf 'progress 10%%\rprogress 50%%\rprogress 100%%\n'
printf 'broken \377\376 bytes and \342\202\254 and \360\237\220\211\n'
printf 'nul \000 bell \007 backspace \010 end\n'
printf '\033]8;;javascript:alert(1)\033\\a link\033]8;;\033\\\n'
head -c 60000 /dev/zero | tr '\0' x; echo
printf 'no line end here'
"""
SEQUENCE = (
    'for n in $(seq 1 10000); do echo "$n: a line of a long log, which goes on and on"; done\n'
)


def gated(home: str) -> tuple[tuple[str, str], ...]:
    """Steps that wait until somebody makes a file with the version's name in `home`."""
    wait = f'while [ ! -e "{home}/gate-$HYDRA_VERSION" ]; do sleep 0.05; done\n'
    return (
        ("Collect", 'echo "collecting for $HYDRA_VERSION"\n'),
        ("Wait at the gate", f'printf "waiting\\n"\n{wait}echo "through the gate"\n'),
    )


QUICK = (("Pull image", PULL), ("Switch over", SWITCH))
SLOW = (("Pull image", PULL), ("Wait for the ledger", WAIT), ("Switch over", SWITCH))
BREAKS_IN_PRODUCTION = (
    ("Pull image", PULL),
    ("Database migration", MIGRATE),
    ("Deploy", SWITCH),
    ("Health check", SWITCH),
)
HOSTILE = (("Attack", ATTACK), ("After the attack", "echo afterwards\n"), ("Silent", "true\n"))
LONG_LOG = (
    ("Few lines", PULL),
    ("Many lines", f"for k in $(seq 1 5); do\n{SEQUENCE}done\n"),
    ("Last line", 'echo "the end"\n'),
)
