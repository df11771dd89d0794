#!/usr/bin/python3
"""A Secret Service on the session bus with one entry, for tests: fake_secrets.py SERVICE ACCOUNT FILE.

What a look-up needs of org.freedesktop.Secret (https://specifications.freedesktop.org/secret-service),
without encryption on the bus, which clients must cope with.
"""
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

SERVICE, ROOT = "org.freedesktop.Secret.Service", "/org/freedesktop/secrets"
ITEM, SESSION = ROOT + "/collection/one/1", ROOT + "/session/1"


class Secrets(dbus.service.Object):
    def __init__(self, bus, wanted, secret):
        super().__init__(bus, ROOT)
        self.wanted, self.secret = wanted, secret

    @dbus.service.method(SERVICE, in_signature="sv", out_signature="vo")
    def OpenSession(self, algorithm, _):
        if algorithm != "plain":
            raise dbus.DBusException("plain only", name="org.freedesktop.DBus.Error.NotSupported")
        return dbus.String("", variant_level=1), dbus.ObjectPath(SESSION)

    @dbus.service.method(SERVICE, in_signature="a{ss}", out_signature="aoao")
    def SearchItems(self, attributes):
        held = all(attributes.get(k) == v for k, v in self.wanted.items())
        return dbus.Array([ITEM] if held else [], signature="o"), dbus.Array([], signature="o")

    @dbus.service.method(SERVICE, in_signature="aoo", out_signature="a{o(oayays)}")
    def GetSecrets(self, items, session):
        empty, value = dbus.ByteArray(b""), dbus.ByteArray(self.secret)
        return {i: dbus.Struct((session, empty, value, "text/plain"), signature="oayays") for i in items if i == ITEM}

    @dbus.service.method(SERVICE, in_signature="ao", out_signature="aoo")
    def Unlock(self, items):
        return items, dbus.ObjectPath("/")

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="s", out_signature="a{sv}")
    def GetAll(self, _):
        return {"Collections": dbus.Array([], signature="o")}


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    with open(sys.argv[3], "rb") as f:
        secrets = Secrets(bus, {"service": sys.argv[1], "username": sys.argv[2]}, f.read())
    name = dbus.service.BusName("org.freedesktop.secrets", bus)
    print("ready", flush=True)
    GLib.MainLoop().run()
    return secrets, name


if __name__ == "__main__":
    main()
