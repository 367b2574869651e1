"""What several tests share: samples, servers, terminals, generators and oracles."""
