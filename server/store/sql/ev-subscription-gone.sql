DELETE FROM ev_subscriptions WHERE endpoint_id = $1
