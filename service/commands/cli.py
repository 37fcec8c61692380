"""The `wardflow` command. Exit codes: 0 done, 1 found something wrong, 2 could not run."""

import typer

from service.commands import demo, deploy, doctor, evaluate, ledger, models, run, switch, trajectories, tune
from service.process.state_folder import close_to_others

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
app.command()(run.up)
app.command(name="gateway")(run.run_gateway)
app.command(name="dispatcher")(run.run_dispatcher)
app.command(name="worklist")(run.run_worklist)
app.command(name="worker")(run.run_worker)
app.command(name="demo")(demo.run_demo)
app.command(name="doctor")(doctor.run_doctor)
app.command(name="deploy")(deploy.run_deploy)
app.command()(switch.stop)
app.command()(switch.start)
app.command(name="evaluate")(evaluate.run_evaluate)
app.add_typer(ledger.ledger, name="ledger")
app.add_typer(trajectories.trajectories, name="trajectories")
app.add_typer(tune.tune, name="tune")
app.add_typer(models.models, name="models")


def main() -> None:
    """Run the command line."""
    close_to_others()
    app()


if __name__ == "__main__":
    main()
