import sys


def check(what: str, seen: object, claimed: object) -> None:
    """Print what was seen; end the script when it is not what is claimed."""
    print(f"{what}: {seen}", flush=True)
    if seen != claimed:
        sys.exit(f"CHANGED: {what}: {claimed} is claimed")
