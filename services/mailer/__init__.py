"""The mailer: each letter to each person, queued, sent, deferred or bounced, with the SMTP answer."""
