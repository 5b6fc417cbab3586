"""Grafana's dashboards as code: what is shown and by which SQL. Knows no database; `script/grafana` writes the JSON."""
