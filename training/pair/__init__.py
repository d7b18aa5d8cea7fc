"""The pair network: whether two impressions that lie over each other come from one die, place by place."""
