#pragma once
/* What the environment says to the daemon alone. Any thread. */

/* Variables that hold secrets; NULL ends them. Programs that the daemon starts for others do not get them. */
extern const char *const tb_env_secrets[];
/* Where one of them is set: no other process of the same user can read it in /proc or by ptrace from here on. Costs core dumps. */
void tb_env_secrets_guard(void);
