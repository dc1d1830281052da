"""What AWS itself exports of an account, read without credentials: identities, logins, and the snapshots of AWS Config."""
