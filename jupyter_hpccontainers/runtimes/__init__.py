"""Docker and Apptainer: one container configuration per job, and the few verbs to ask them."""
