"""How the pipeline is called: the Dagger module, the command line, the local engine."""
