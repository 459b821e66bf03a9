/* How a phone is, in words. */
#include "host/phone/phone_private.h"
#include "lib/clock.h"

const char *tb_phone_switch_name(TbPhoneSwitch state)
{
        static const char *const names[] = {"off", "on", "refused", "missing"};
        return names[state];
}

static bool has(const TbPhone *phone, TbPhoneSwitch wanted)
{
        GHashTableIter iter;
        gpointer state;
        g_hash_table_iter_init(&iter, phone->switches);
        while (g_hash_table_iter_next(&iter, NULL, &state))
                if (GPOINTER_TO_INT(state) == (int)wanted)
                        return true;
        return false;
}

static char *away(const TbPhone *phone)
{
        if (!tb_phone_call_came(phone->call))
                return g_strdup("waiting: scan the code with the phone");
        g_autoptr(GDateTime) since =
                g_date_time_new_from_unix_utc(tb_clock_wall_of(tb_phone_call_since_ms(phone->call)) / 1000);
        g_autofree char *at = g_date_time_format(since, "%Y-%m-%d %H:%M");
        return g_strdup_printf("the phone is away since %s UTC: open its page there again", at);
}

char *tb_phone_words(const TbPhone *phone)
{
        switch (tb_phone_call_state(phone->call)) {
        case TB_PHONE_ASKING:
                return phone->trouble ? g_strdup_printf("there is no code: %s", phone->trouble)
                                      : g_strdup("waiting for a code of the pairing server");
        case TB_PHONE_JOINING: return g_strdup("joining the pairing server");
        case TB_PHONE_AWAY:
                return g_strdup("the pairing server does not answer; the phone comes back with it");
        case TB_PHONE_WAITING: return away(phone);
        case TB_PHONE_CALLING:
                return g_strdup(
                        "the phone is there; no direct connection yet: its readings come by the server");
        case TB_PHONE_CONNECTED: break;
        }
        if (has(phone, TB_PHONE_REFUSED))
                return g_strdup(
                        "connected; something was not allowed on the phone: its page says what helps");
        return g_strdup(has(phone, TB_PHONE_ON)
                                ? "connected"
                                : "connected; nothing is switched on there: press a switch on the phone");
}
