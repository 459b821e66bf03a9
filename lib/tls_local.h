#pragma once
/*
 * A certificate for a machine that has no name on the Internet (`tls: local`): an authority of its own, made once, and a
 * certificate that it signed for this machine's names and addresses on its own networks. Who trusts the authority's
 * file (a phone, once) gets https without a warning. What the authority signs counts for private addresses, `.local`
 * and this machine's name alone (RFC 5280 §4.2.1.10): whoever gets hold of its key cannot pretend to be a bank.
 *
 *   DIR/authority.crt  to be handed out        DIR/authority.key  0600
 *   DIR/machine.crt    397 days (what phones accept at most), renewed 30 before its end, and when an address is new
 *   DIR/machine.key    0600
 *
 * Blocking; one thread at a time per folder.
 */
#include "lib/tls.h"

/* Makes what is missing or due (`make`), and reads it. `state_dir`: a daemon's; DIR is `tls` in it. TB_ERROR_INVALID,
 * TB_ERROR_INTERNAL in words for who runs the daemon. */
TbTls *tb_tls_local_open(const char *state_dir, bool make, GError **error);
/* For a daemon's configuration that says `local`: *tls where it has none yet. True where it does not. */
bool tb_tls_local_take(bool local, const char *state_dir, bool make, TbTls **tls, GError **error);
/* The authority's file as it is now, PEM; a new reference. NULL: there is none. */
GBytes *tb_tls_local_authority(const char *state_dir);
