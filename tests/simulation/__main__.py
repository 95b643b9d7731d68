"""`make simulate`: random histories and planted bugs; the last line is the result."""

import sys
from random import SystemRandom

import click

from tests.simulation.campaign import simulate


@click.command()
@click.option("--runs", type=int, default=1_000, help="how many histories")
@click.option("--seed", type=int, default=None, help="absent: another one each time")
@click.option("--processes", type=int, default=2)
def main(runs: int, seed: int | None, processes: int) -> None:
    """Random histories of the real stations and hub."""
    chosen = SystemRandom().randrange(10**6) if seed is None else seed
    tally = simulate(chosen, runs, processes, click.echo)
    click.echo(tally.told())
    sys.exit(not tally.is_ok)


if __name__ == "__main__":
    main()
