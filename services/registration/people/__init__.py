"""What people do by themselves: register their address, change it after a lost mailbox, ask a desk."""
