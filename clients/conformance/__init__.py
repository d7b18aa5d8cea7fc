"""What every client has to get of a gateway: vectors, the replay of stamp2vec.client, and the comparison."""
