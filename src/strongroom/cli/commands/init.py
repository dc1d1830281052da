"""Write the policy of least privilege that reading a place needs."""

import click


@click.command("init", short_help="Write the policy that reading a cluster or cloud needs.")
@click.argument("place", type=click.Choice(["aws", "azure", "gcp", "kubernetes"]))
@click.option(
    "--for",
    "subject",
    default="",
    metavar="WHO",
    help="Bind it too: user:NAME, group:NAME, serviceaccount:NAMESPACE/NAME; aws: organisation; azure: the scope of the role.",
)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(place: str, subject: str, output: str | None, debug: bool) -> None:
    """Print what somebody must be allowed to do, and nothing more, so that `assess` has no gap: of a cluster (`k8s:CONTEXT`), of an
    account (`aws:`), of Azure (`azure:`, `azure-graph:`) or Google Cloud (`gcp:`, `gcp-assets:`).

    \b
      strongroom init kubernetes --for group:auditors | kubectl apply -f -
      strongroom init aws -o reader.json
      aws iam put-role-policy --role-name strongroom-reader \\
        --policy-name read --policy-document file://reader.json
      strongroom init azure --for /subscriptions/ID -o role.json
      strongroom init gcp -o role.yaml

    It is made from the table that the reader itself goes by: lists and descriptions of the types that are understood, and
    never the content of a secret, a parameter or an object.

    Exit: 0 written, 2 bad usage.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.init_policies import POLICIES
    from strongroom.cli.run import finish, write

    def work() -> int:
        write(POLICIES[place](subject), output)
        return 0

    finish(work, debug=debug)
