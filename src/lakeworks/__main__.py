"""`python -m lakeworks`: the same as `lake`."""

from lakeworks.cli.main import run

if __name__ == "__main__":
    run()
