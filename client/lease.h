#pragma once
/* A device that is ours for a while. */
#include <stdbool.h>

#include "client/api.h"

/* Takes it by the options --wait and --note; what is asked for afterwards shows the lease. *ret_riding: the lease that was shown
 * (--lease, TESTBED_LEASE) is this device's: nothing was taken, and nothing is to be given back. */
bool tb_cli_lease_take(TbCli *cli, const TbCliDevice *d, double ttl_s, bool *ret_riding, GError **error);
/* We are a part of the program that `testbed lease` runs with this very device. */
bool tb_cli_lease_inside(const TbCli *cli, const TbCliDevice *d);
bool tb_cli_lease_release(TbCli *cli, const TbCliDevice *d, GError **error);
/* Runs the program in cli->rest while it is ours. Returns its exit code, 128 + the signal that ended it, or, with `error`, ours. */
int tb_cli_lease_run(TbCli *cli, const TbCliDevice *d, GError **error);
