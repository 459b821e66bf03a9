UPDATE ev_links SET status = 'linked', linked = $3, chat_id = $2, username = $4 WHERE token = $1 AND status = 'pending' AND expires > $3
  AND (invite_id = '' OR EXISTS (SELECT 1 FROM ev_invites i WHERE i.invite_id = ev_links.invite_id AND i.status = 'pending' AND i.expires > $3))
