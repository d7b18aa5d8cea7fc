"""The same work in each peer, each as its documentation has it. Their packages are in build/peers, not here."""
