#include "drivers/transport/lan.h"

void tb_lan_offer_clear(TbLanOffer *offer)
{
        g_free(offer->uri);
        g_free(offer->label);
        g_free(offer->why);
        json_decref(offer->properties);
        *offer = (TbLanOffer){0};
}

const char *tb_lan_txt(const TbLanSeen *seen, const char *key)
{
        const char *text = json_string_value(json_object_get(seen->txt, key));

        return text ? text : "";
}

bool tb_lan_offer(const TbLanSeen *seen, const char *kind, char *uri_take, char *label_take, char *why_take,
                  TbLanOffer *ret_offer)
{
        *ret_offer = (TbLanOffer){
                .uri = uri_take,
                .label = label_take,
                .why = why_take,
                .properties = json_pack("{s:s, s:s, s:s, s:s}", "kind", kind, "address", seen->address,
                                        "name", seen->name, "found_by", "mdns"),
        };
        return true;
}
