SELECT COUNT(*) FROM ev_jobs WHERE state = 'leased'
