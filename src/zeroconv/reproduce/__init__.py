"""The paper's claims, each as an experiment that one command runs: `zeroconv reproduce NAME|all`."""
