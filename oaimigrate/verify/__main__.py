"""`python -m oaimigrate.verify`: the same as `oaimigrate verify`."""

from oaimigrate.verify.command import verify_command

if __name__ == "__main__":
    verify_command(prog_name="oaimigrate verify")
