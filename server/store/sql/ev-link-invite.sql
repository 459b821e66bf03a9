UPDATE ev_invites SET status = 'accepted', accepted = $3, chat_id = $2, username = $4
WHERE status = 'pending' AND invite_id = (SELECT l.invite_id FROM ev_links l WHERE l.token = $1 AND l.status = 'linked' AND l.chat_id = $2 AND l.linked = $3)
