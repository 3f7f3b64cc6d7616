"""`fullcycle catalog schema`: what our own blocks of a catalog-info.yaml may say, for editors."""

import json

import click

from portal.blocks import BLOCKS
from portal.blocks import schema as schema_of


@click.command()
@click.argument("block", required=False, default="", type=click.Choice(["", *BLOCKS]), metavar="[BLOCK]")
def schema(block: str) -> None:
    """Print the JSON Schema of BLOCK (deploy, objectives, oncall), or of a spec that may have them all."""
    click.echo(json.dumps(schema_of(block), indent=2, ensure_ascii=False))
