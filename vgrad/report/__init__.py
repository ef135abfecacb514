"""Reports: statistics, tables, pictures and the page, made from run directories alone; nothing here trains."""
