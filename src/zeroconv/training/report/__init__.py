"""A run as one page and one picture: `zeroconv train report RUN`."""
