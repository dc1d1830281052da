"""Close a node while a tenant's pods are on it."""

import click


@click.command("close", short_help="Taint a node while a tenant's pods are on it, until its GPUs are scrubbed.")
@click.option("--node", required=True, metavar="NAME", help="The node, as its scheduler has it.")
@click.option("--scheduler", default="kubernetes", show_default=True, metavar="NAME", help="kubernetes.")
@click.option("--kubeconfig", metavar="FILE", help="The API server [default: the pod's own].")
@click.option("--context", metavar="NAME", help="Of the kubeconfig.")
@click.option("--prefix", default="isolation.example.org", show_default=True, help="Of the taint.")
@click.option("--watch", type=click.FloatRange(0.2, 3600), metavar="SECONDS", help="Look again so often, until Ctrl-C.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    node: str,
    scheduler: str,
    kubeconfig: str | None,
    context: str | None,
    prefix: str,
    watch: float | None,
    format_: str,
    debug: bool,
) -> None:
    """Close a node to all others as soon as a pod with accelerators is on it. The taint stays when the pod has gone, so that
    there is no moment in which another tenant comes before the scrub; `scrub handover` takes it away.

    A taint that is there already, another's too, is left as it is. Pods of two namespaces on one node are told: they came
    before the node was closed.

    Exit 0: the node is closed, or nobody is on it. 1: pods of several owners are on it. 2: it could not be looked at.
    """
    from strongroom.app import handover_close, handover_join
    from strongroom.app.handover import scheduler as scheduler_of
    from strongroom.cli.handover_views import closed_json, closed_lines
    from strongroom.cli.run import finish, note, write

    def tell(found: handover_close.Closed) -> None:
        write(closed_json(found) if format_ == "json" else closed_lines(found), None)

    def work() -> int:
        kind = scheduler_of(scheduler)
        link, options = handover_join.link(kind, kubeconfig, context), handover_join.options(prefix)

        def look() -> handover_close.Closed:
            return handover_close.close(kind, node, options, link)

        if watch is not None:
            handover_close.keep_closing(look, tell, watch, note)
        tell(found := look())
        return 0 if found.good else 1

    finish(work, debug=debug)
