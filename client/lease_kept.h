#pragma once
/*
 * The secret of a lease that `testbed lock` took, kept for `testbed unlock` of the same user (a file for each device, in
 * $XDG_STATE_HOME/testbed/leases, for its owner alone): where there are no tokens, and through a server, nothing else gives the
 * device back. It is shown to nobody else's commands: what works on the device says so itself (TESTBED_LEASE).
 */
#include "client/api.h"

/* What cannot be kept is said, and no error: the lease is had. */
void tb_cli_lease_keep(const TbCli *cli, const TbCliDevice *d, const char *lease);
char *tb_cli_lease_kept(const TbCli *cli, const TbCliDevice *d); /* NULL: none. The caller frees */
void tb_cli_lease_forget(const TbCli *cli, const TbCliDevice *d);
