"""What the network tests share: namespaces, daemons, certificates, packets."""
